#!/usr/bin/python3
"""embed.py FILE NAME OUT: a C source that holds the file's bytes as `const unsigned char NAME[]` and NAME_n."""
import sys

path, name, out = sys.argv[1:]
with open(path, 'rb') as f:
    content = f.read()
with open(out, 'w', encoding='ascii') as f:
    f.write(f'#include <stddef.h>\nextern const unsigned char {name}[];\nextern const size_t {name}_n;\n')
    f.write(f'const unsigned char {name}[] = {{\n')
    for at in range(0, len(content), 20):
        f.write(','.join(str(b) for b in content[at:at + 20]) + ',\n')
    f.write(f'}};\nconst size_t {name}_n = {len(content)};\n')
