#include "hook/futex_op.h"

#include <errno.h>
#include <linux/futex.h>

#include "base/atomic.h"

/* The code's four parts: two of four bits, two of twelve with a sign. */
struct op {
    uint32_t change, compare;
    int argument, other;
};

static int with_sign(uint32_t twelve_bits)
{
    return (int)(twelve_bits ^ 0x800) - 0x800;
}

static struct op decode(uint32_t code)
{
    return (struct op){ .change = code >> 28,
                        .compare = code >> 24 & 0xf,
                        .argument = with_sign(code >> 12 & 0xfff),
                        .other = with_sign(code & 0xfff) };
}

/* ENOSYS: no such change. */
static int changed(const struct op *op, uint32_t value, uint32_t *ret_value)
{
    uint32_t argument = (uint32_t)op->argument;
    if (op->change & FUTEX_OP_OPARG_SHIFT)
        argument = (uint32_t)1 << (argument & 31);
    switch (op->change & ~(uint32_t)FUTEX_OP_OPARG_SHIFT) {
    case FUTEX_OP_SET:
        *ret_value = argument;
        return 0;
    case FUTEX_OP_ADD:
        *ret_value = value + argument;
        return 0;
    case FUTEX_OP_OR:
        *ret_value = value | argument;
        return 0;
    case FUTEX_OP_ANDN:
        *ret_value = value & ~argument;
        return 0;
    case FUTEX_OP_XOR:
        *ret_value = value ^ argument;
        return 0;
    default:
        return ENOSYS;
    }
}

static int holds(const struct op *op, int value, bool *ret_holds)
{
    switch (op->compare) {
    case FUTEX_OP_CMP_EQ:
        *ret_holds = value == op->other;
        return 0;
    case FUTEX_OP_CMP_NE:
        *ret_holds = value != op->other;
        return 0;
    case FUTEX_OP_CMP_LT:
        *ret_holds = value < op->other;
        return 0;
    case FUTEX_OP_CMP_LE:
        *ret_holds = value <= op->other;
        return 0;
    case FUTEX_OP_CMP_GT:
        *ret_holds = value > op->other;
        return 0;
    case FUTEX_OP_CMP_GE:
        *ret_holds = value >= op->other;
        return 0;
    default:
        return ENOSYS;
    }
}

int weft__futex_op(_Atomic(uint32_t) *word, uint32_t code, bool *ret_holds)
{
    struct op op = decode(code);
    uint32_t next, value = weft__load(word, relaxed);
    do {
        if (changed(&op, value, &next) || holds(&op, (int)value, ret_holds))
            return ENOSYS;
    } while (!weft__cas_weak(word, &value, next, seq_cst, relaxed)); /* LOT-2 */
    return 0;
}
