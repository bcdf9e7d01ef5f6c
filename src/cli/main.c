/* troth: the command line, and with --role the inside of a role process. */
#include "base/text.h"
#include "cli/command.h"
#include "daemon/roles.h"

#include <stdio.h>

/* troth --role NAME --dir DIR --channels N, as the supervisor starts it. */
static int role_run(int argc, char **argv)
{
    uint64_t channels = 0;
    if (argc != 7 || strcmp(argv[3], "--dir") != 0 || strcmp(argv[5], "--channels") != 0 ||
        !result_is_ok(num_u64(bytes_str(argv[6]), 1, 1024, &channels))) {
        (void)fprintf(stderr, "troth: --role is for the supervisor's own use\n");
        return CLI_USAGE;
    }
    return role_main(argv[2], argv[4], (uint32_t)channels);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--role") == 0) {
        return role_run(argc, argv);
    }
    return cli_main(argc, argv);
}
