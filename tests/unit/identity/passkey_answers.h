/*
 * What Chromium 156 answered on http://localhost:18443 to options as factor_passkey.c makes them,
 * with a virtual authenticator each: navigator.credentials.create and get, toJSON(). User
 * "AIDATEST", challenge 7, 7, 7, 0 ...
 */
#ifndef TROTH_PASSKEY_ANSWERS_H
#define TROTH_PASSKEY_ANSWERS_H

static const struct {
    const char *created, *got;
} browser_answers[] = {
    { "{\"authenticatorAttachment\":\"platform\",\"clientExtensionResults\":{},\"id\":\"hjlI"
      "syH1k1nJdnN8q9bH_erkiUkevWynl_96KfauRe8\",\"rawId\":\"hjlIsyH1k1nJdnN8q9bH_erkiU"
      "kevWynl_96KfauRe8\",\"response\":{\"attestationObject\":\"o2NmbXRkbm9uZWdhdHRTdG10"
      "oGhhdXRoRGF0YViBSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQECAwQFBgcI"
      "AQIDBAUGBwgAIIY5SLMh9ZNZyXZzfKvWx_3q5IlJHr1sp5f_ein2rkXvpAEBAycgBiFYIG2WZ4Rf"
      "iZYKghUMQl33TOMbccFCzPd9g02LmA8ngiwS\",\"authenticatorData\":\"SZYN5YgOjGh0NBcPZ"
      "HZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQECAwQFBgcIAQIDBAUGBwgAIIY5SLMh9ZNZyXZzfKvWx"
      "_3q5IlJHr1sp5f_ein2rkXvpAEBAycgBiFYIG2WZ4RfiZYKghUMQl33TOMbccFCzPd9g02LmA8ng"
      "iwS\",\"clientDataJSON\":\"eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiQ"
      "ndjSEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSIsIm9yaWdpbiI6Imh0d"
      "HA6Ly9sb2NhbGhvc3Q6MTg0NDMiLCJjcm9zc09yaWdpbiI6ZmFsc2V9\",\"publicKey\":\"MCowBQ"
      "YDK2VwAyEAbZZnhF-JlgqCFQxCXfdM4xtxwULM932DTYuYDyeCLBI\",\"publicKeyAlgorithm\":"
      "-8,\"transports\":[\"internal\"]},\"type\":\"public-key\"}",
      "{\"authenticatorAttachment\":\"platform\",\"clientExtensionResults\":{},\"id\":\"hjlI"
      "syH1k1nJdnN8q9bH_erkiUkevWynl_96KfauRe8\",\"rawId\":\"hjlIsyH1k1nJdnN8q9bH_erkiU"
      "kevWynl_96KfauRe8\",\"response\":{\"authenticatorData\":\"SZYN5YgOjGh0NBcPZHZgW4_k"
      "rrmihjLHmVzzuoMdl2MFAAAAAg\",\"clientDataJSON\":\"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0Ii"
      "wiY2hhbGxlbmdlIjoiQndjSEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQS"
      "IsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6MTg0NDMiLCJjcm9zc09yaWdpbiI6ZmFsc2V9\","
      "\"signature\":\"JBqAy4QRXjZ8u8CdKwX933bBCbbUyhaGRl2UPQoSPCFUeqCjCDd8ZF1QCELl6c3"
      "-8JWmV1P9h73qhM6MMXAWCA\",\"userHandle\":\"QUlEQVRFU1Q\"},\"type\":\"public-key\"}" },
    { "{\"authenticatorAttachment\":\"cross-platform\",\"clientExtensionResults\":{},\"id\""
      ":\"ytd-ny7SR099wyYVVBMvnQroUWKL7F2lJjSdgr0K3SM\",\"rawId\":\"ytd-ny7SR099wyYVVBMv"
      "nQroUWKL7F2lJjSdgr0K3SM\",\"response\":{\"attestationObject\":\"o2NmbXRkbm9uZWdhdH"
      "RTdG10oGhhdXRoRGF0YViBSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQAAAA"
      "AAAAAAAAAAAAAAAAAAIMrXfp8u0kdPfcMmFVQTL50K6FFii-xdpSY0nYK9Ct0jpAEBAycgBiFYIA"
      "u3r2cZ55KU97UFP1rdv8BosqU9upZD3ditNMWladf-\",\"authenticatorData\":\"SZYN5YgOjGh"
      "0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAAAQAAAAAAAAAAAAAAAAAAAAAAIMrXfp8u0kdPfcM"
      "mFVQTL50K6FFii-xdpSY0nYK9Ct0jpAEBAycgBiFYIAu3r2cZ55KU97UFP1rdv8BosqU9upZD3di"
      "tNMWladf-\",\"clientDataJSON\":\"eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmd"
      "lIjoiQndjSEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSIsIm9yaWdpbiI"
      "6Imh0dHA6Ly9sb2NhbGhvc3Q6MTg0NDMiLCJjcm9zc09yaWdpbiI6ZmFsc2V9\",\"publicKey\":\""
      "MCowBQYDK2VwAyEAC7evZxnnkpT3tQU_Wt2_wGiypT26lkPd2K00xaVp1_4\",\"publicKeyAlgor"
      "ithm\":-8,\"transports\":[\"usb\"]},\"type\":\"public-key\"}",
      "{\"authenticatorAttachment\":\"cross-platform\",\"clientExtensionResults\":{},\"id\""
      ":\"ytd-ny7SR099wyYVVBMvnQroUWKL7F2lJjSdgr0K3SM\",\"rawId\":\"ytd-ny7SR099wyYVVBMv"
      "nQroUWKL7F2lJjSdgr0K3SM\",\"response\":{\"authenticatorData\":\"SZYN5YgOjGh0NBcPZH"
      "ZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg\",\"clientDataJSON\":\"eyJ0eXBlIjoid2ViYXV0aG4u"
      "Z2V0IiwiY2hhbGxlbmdlIjoiQndjSEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
      "QUFBQSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6MTg0NDMiLCJjcm9zc09yaWdpbiI6ZmFs"
      "c2UsIm90aGVyX2tleXNfY2FuX2JlX2FkZGVkX2hlcmUiOiJkbyBub3QgY29tcGFyZSBjbGllbnRE"
      "YXRhSlNPTiBhZ2FpbnN0IGEgdGVtcGxhdGUuIFNlZSBodHRwczovL2dvby5nbC95YWJQZXgifQ\","
      "\"signature\":\"AMAsG0x_gTzIVOlMPckUp_OxrXvePJGItGnxc7amdHWpqI_8Qy2VAno1QukGD7m"
      "K3eAoD7zNKoVCS30rxDT1Bg\",\"userHandle\":\"QUlEQVRFU1Q\"},\"type\":\"public-key\"}" },
};

#endif
