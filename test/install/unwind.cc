// What only C++ can do to a block with a scope.
#include <cstdio>
#include <new>
#include <stdexcept>
#include <weft.h>

static int leave(int how)
{
    weft_scope scope, inner;
    weft_group group;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(100))) {
        WEFT_WITH_SHIELD (&inner, WEFT_NEVER) {
            WEFT_WITH_GROUP (&group, WEFT_NEVER) {
                if (how == 0)
                    throw std::runtime_error("out");
                if (how == 1)
                    return how;
                if (how == 2)
                    goto out;
                if (how == 3)
                    break;
            }
        }
    }
out:
    return how;
}

static int leave_in_all_ways(void *)
{
    for (int how = 0; how < 5; how++) {
        try {
            if (leave(how) != how || how == 0)
                return 1;
        } catch (const std::runtime_error &) {
            if (how != 0)
                return 1;
        }
        if (weft_deadline() != WEFT_NEVER)
            return 1;
    }
    return 0;
}

int main()
{
    if (leave_in_all_ways(nullptr) != 0 || weft_run(nullptr, leave_in_all_ways, nullptr) != 0)
        return 1;
    std::puts("left in all ways");
    return 0;
}
