#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* FNV-1a, 64 bits. */
static unsigned long long hash(const char *word)
{
    unsigned long long value = 14695981039346656037ULL;
    for (; *word != '\0'; word++) {
        value ^= (unsigned char)*word;
        value *= 1099511628211ULL;
    }
    return value;
}

/* The slot that holds `word`, or the free one where it would go. */
static struct entry *find(struct entry *slots, size_t capacity, const char *word)
{
    size_t at = (size_t)hash(word) & (capacity - 1);
    while (slots[at].word != NULL && strcmp(slots[at].word, word) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

int table_init(struct table *table)
{
    table->slots = calloc(FIRST_CAPACITY, sizeof *table->slots);
    table->capacity = FIRST_CAPACITY;
    table->used = 0;
    return table->slots == NULL ? -1 : 0;
}

static int grow(struct table *table)
{
    size_t capacity = table->capacity * 2;
    struct entry *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL)
        return -1;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].word != NULL)
            *find(slots, capacity, table->slots[i].word) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return 0;
}

int table_add(struct table *table, const char *word)
{
    /* Never more than half full, so `find` always meets a free slot. */
    if (2 * (table->used + 1) > table->capacity && grow(table) != 0)
        return -1;
    struct entry *entry = find(table->slots, table->capacity, word);
    if (entry->word == NULL) {
        size_t size = strlen(word) + 1;
        entry->word = malloc(size);
        if (entry->word == NULL)
            return -1;
        memcpy(entry->word, word, size);
        table->used++;
    }
    entry->count++;
    return 0;
}

unsigned long table_count(const struct table *table, const char *word)
{
    return find(table->slots, table->capacity, word)->count;
}

static int by_rank(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->word, b->word);
}

struct entry *table_ranking(const struct table *table)
{
    struct entry *ranking = malloc((table->used + 1) * sizeof *ranking);
    size_t n = 0;
    if (ranking == NULL)
        return NULL;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].word != NULL)
            ranking[n++] = table->slots[i];
    qsort(ranking, n, sizeof *ranking, by_rank);
    return ranking;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        free(table->slots[i].word);
    free(table->slots);
}
