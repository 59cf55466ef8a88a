/* A library of the program's, loaded while it runs, whose thread-locals have a place in
 * each thread's own block: -ftls-model=initial-exec. */
int static_tls_found(void);
int *static_tls_given(void);
int *static_tls_zeroed(void);

/* volatile: else a compiler may carry the constructor out. */
static _Thread_local volatile int given[16] = { 7, 8 }, zeroed[16];
static int found;

/* What the thread that loads it has, to begin with. */
__attribute__((constructor)) static void look(void)
{
    found = given[0] == 7 && given[1] == 8 && zeroed[0] == 0 && zeroed[15] == 0;
    given[0] = 70;
}

int static_tls_found(void)
{
    return found;
}

int *static_tls_given(void)
{
    return (int *)given;
}

int *static_tls_zeroed(void)
{
    return (int *)zeroed;
}
