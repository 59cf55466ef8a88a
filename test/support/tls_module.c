/* A library of the program's, loaded while it runs: its thread-locals get memory
 * when a thread first touches them. */
int *tls_module_word(void);

static _Thread_local int words[4096] = { 7 };

int *tls_module_word(void)
{
    return words;
}
