/* Checks of the table alone; ends with 0 when all hold. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(what) \
    do { if (!(what)) { fprintf(stderr, "line %d: %s\n", __LINE__, #what); failures++; } } while (0)

int main(void)
{
    struct table table;
    CHECK(table_init(&table) == 0);
    CHECK(table_count(&table, "nothing") == 0);

    char word[16];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 1000; i++) { /* enough to make it grow several times */
            snprintf(word, sizeof word, "w%d", i);
            CHECK(table_add(&table, word) == 0);
        }
    CHECK(table_add(&table, "w7") == 0);
    CHECK(table.used == 1000);
    CHECK(table_count(&table, "w999") == 3);

    struct entry *ranking = table_ranking(&table);
    CHECK(ranking != NULL);
    CHECK(strcmp(ranking[0].word, "w7") == 0 && ranking[0].count == 4);
    CHECK(strcmp(ranking[1].word, "w0") == 0);
    CHECK(strcmp(ranking[999].word, "w999") == 0);
    free(ranking);
    table_free(&table);
    return failures != 0;
}
