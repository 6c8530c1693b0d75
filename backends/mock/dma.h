/* DMA by devices. Any thread, nothing held; see mock_control.h for what the functions do. */
#ifndef MOCK_DMA_H
#define MOCK_DMA_H

#include "machine.h"

int32_t dma_do(struct ioasid_mock *mock, struct ioasid_mock_dma *dma);
int32_t dma_begin(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, uint64_t *token);
int32_t dma_finish(struct ioasid_mock *mock, uint64_t token, struct ioasid_mock_dma *dma);

#endif
