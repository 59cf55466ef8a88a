/* fd_table.h - how many descriptors the kernel's table of the process has room for.
 *
 * select() looks at no more of its sets than that, whatever count it is given, and
 * programs that say getdtablesize() have sets that are smaller. The table only grows; the
 * library's own descriptors keep it at 1,024 or more, so that of a bit below that for a
 * number which is not open select() says EBADF, where it may pass over it natively. */
#ifndef WEFT_HOOK_FD_TABLE_H
#define WEFT_HOOK_FD_TABLE_H

/* `count`, or the table's size if that is less; up to FD_SETSIZE, for which every set has
 * room, as it is. -ENOBUFS: the size cannot be found out. */
int weft__fd_table_cut(int count);

#endif
