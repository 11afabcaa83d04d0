#include "table.h"
#include "version.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "tally: %s\n", what);
    return 1;
}

static int usage(void)
{
    fputs("usage: tally [-n COUNT] [FILE]\n       tally --version\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    unsigned long most = 10;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            puts("tally " TALLY_VERSION);
            return 0;
        } else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) {
            char *end;
            most = strtoul(argv[++i], &end, 10);
            if (*argv[i] == '\0' || *end != '\0')
                return usage();
        } else if (argv[i][0] == '-' || path != NULL) {
            return usage();
        } else {
            path = argv[i];
        }
    }

    FILE *stream = path == NULL ? stdin : fopen(path, "r");
    if (stream == NULL) {
        fprintf(stderr, "tally: %s: %s\n", path, strerror(errno));
        return 1;
    }
    struct table table;
    char word[WORD_SIZE];
    if (table_init(&table) != 0)
        return fail("out of memory");
    while (next_word(stream, word))
        if (table_add(&table, word) != 0)
            return fail("out of memory");
    if (ferror(stream))
        return fail("cannot read");

    struct entry *ranking = table_ranking(&table);
    if (ranking == NULL)
        return fail("out of memory");
    for (size_t i = 0; i < table.used && i < most; i++)
        printf("%lu\t%s\n", ranking[i].count, ranking[i].word);
    free(ranking);
    table_free(&table);
    if (stream != stdin)
        fclose(stream);
    return fflush(stdout) == 0 ? 0 : fail("cannot write");
}
