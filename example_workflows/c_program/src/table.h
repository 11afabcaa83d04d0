/* A hash table from words to how often they were seen. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct entry {
    char *word;
    unsigned long count;
};

struct table {
    struct entry *slots; /* `capacity` of them; a slot without a word is free */
    size_t capacity;     /* a power of two */
    size_t used;
};

/* All return 0, or -1 when there is no memory left. */
int table_init(struct table *table);
int table_add(struct table *table, const char *word);

/* How often `word` was added. */
unsigned long table_count(const struct table *table, const char *word);

/* The entries, most frequent first, words of equal count in the order of the alphabet.
 * The array is for the caller to free, the words in it are not. NULL: no memory left. */
struct entry *table_ranking(const struct table *table);

void table_free(struct table *table);

#endif
