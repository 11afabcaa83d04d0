#include "words.h"

#include <ctype.h>

int next_word(FILE *stream, char word[WORD_SIZE])
{
    size_t length = 0;
    int c;
    while ((c = getc(stream)) != EOF) {
        if (isalpha(c)) {
            if (length < WORD_SIZE - 1)
                word[length++] = (char)tolower(c);
        } else if (c == '\'' && length > 0) {
            int after = getc(stream);
            if (after != EOF)
                ungetc(after, stream);
            if (after == EOF || !isalpha(after))
                break;
            if (length < WORD_SIZE - 1)
                word[length++] = '\'';
        } else if (length > 0) {
            break;
        }
    }
    word[length] = '\0';
    return length > 0;
}
