/* EMBED(symbol, "path"): the bytes of a file, found by the assembler in the
 * folders given with -Wa,-I, become `symbol` up to `symbol_end` in read-only
 * memory, followed by a NUL so that text can be used as a string.
 */
#ifndef MLPD_BASE_EMBED_H
#define MLPD_BASE_EMBED_H

#define EMBED(symbol, path)                                                                        \
    extern const unsigned char symbol[], symbol##_end[];                                           \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol "\n.balign 16\n" #symbol ":\n"                                      \
            ".incbin \"" path "\"\n"                                                               \
            ".global " #symbol "_end\n" #symbol "_end:\n"                                          \
            ".byte 0\n"                                                                            \
            ".popsection\n")

#define EMBED_LEN(symbol) ((size_t)(symbol##_end - symbol))

#endif
