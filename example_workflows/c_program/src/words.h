/* Words out of a stream: runs of letters, apostrophes allowed inside, in lower case. */
#ifndef WORDS_H
#define WORDS_H

#include <stdio.h>

enum { WORD_SIZE = 64 }; /* longer words are cut */

/* Puts the next word into `word`. Returns 1, or 0 at the end of the stream. */
int next_word(FILE *stream, char word[WORD_SIZE]);

#endif
