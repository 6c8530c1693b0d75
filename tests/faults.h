/*
 * Failures on demand: the n-th time that the library asks for something that it may not get, it does not get
 * it. What can fail is memory, mapped memory, threads and descriptors. Only calls made by the thread that
 * asked for the failure fail.
 *
 * For programs that are linked with -Wl,--wrap for mmap, pthread_create, eventfd, epoll_create1 and fcntl.
 */
#ifndef IOASID_TESTS_FAULTS_H
#define IOASID_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Give the library memory functions that can fail, and that check what they are given back. Return: the
 * library's answer. */
int faults_begin(void);
/* Check that the library holds no memory, and has given back what it took. */
void faults_check(const char *when);

/* Let the n-th request of this thread fail, 1 the next one; @on: and all after it. */
void faults_arm(unsigned int n, bool on);
/* Let nothing fail any more. Return: how many did. */
unsigned int faults_disarm(void);
/* Is -@err what a function may answer for what has failed since faults_arm()? */
bool faults_explain(int err);

#endif
