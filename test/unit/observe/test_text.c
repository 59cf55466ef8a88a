#include "suite.h"

#include "observe/text.h"

static const char *text_of(struct weft__line *line)
{
    line->text[line->length] = 0;
    return line->text;
}

static const char *hex(uint64_t number)
{
    static struct weft__line line;
    line.length = 0;
    weft__line_hex(&line, number);
    return text_of(&line);
}

TEST(numbers_have_all_their_digits)
{
    ck_assert_str_eq(hex(0), "0x0");
    ck_assert_str_eq(hex(0x7f03), "0x7f03");
    ck_assert_str_eq(hex(UINT64_MAX), "0xffffffffffffffff");
}
