#include "reactor/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define NO_SLOT UINT32_MAX

struct slot_head {
    uint32_t generation; /* odd while in use */
    uint32_t next_free;
    uint64_t align; /* keeps the caller's struct 16-byte aligned */
};

static struct slot_head *slot_at(const struct slots *slots, uint32_t index) {
    return (struct slot_head *)(void *)(slots->memory + (size_t)index * slots->stride);
}

static struct slot_head *slot_head_of(const void *slot) {
    return (struct slot_head *)(uintptr_t)slot - 1;
}

static uint32_t slot_index(const struct slots *slots, const void *slot) {
    return (uint32_t)((size_t)((const char *)slot - slots->memory) / slots->stride);
}

int slots_init(struct slots *slots, size_t size, uint32_t capacity) {
    size_t stride = (sizeof(struct slot_head) + size + 15) & ~(size_t)15;
    *slots = (struct slots){.stride = stride, .bytes = stride * (capacity ? capacity : 1)};
    void *memory =
        mmap(NULL, slots->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    slots->memory = memory;
    slots->capacity = capacity;
    slots->free_head = NO_SLOT;
    return 0;
}

void slots_free(struct slots *slots) {
    assert(slots->used == 0);
    if (slots->memory)
        munmap(slots->memory, slots->bytes);
    slots->memory = NULL;
}

void *slots_take(struct slots *slots) {
    struct slot_head *head;
    if (slots->free_head != NO_SLOT) {
        head = slot_at(slots, slots->free_head);
        slots->free_head = head->next_free;
    } else if (slots->touched < slots->capacity) {
        head = slot_at(slots, slots->touched++);
    } else {
        return NULL;
    }
    slots->used++;
    head->generation++;
    memset(head + 1, 0, slots->stride - sizeof(*head));
    return head + 1;
}

void slots_give(struct slots *slots, void *slot) {
    struct slot_head *head = slot_head_of(slot);
    assert(head->generation & 1);
    head->generation++;
    head->next_free = slots->free_head;
    slots->free_head = slot_index(slots, slot);
    slots->used--;
}

uint64_t slots_handle(const struct slots *slots, const void *slot) {
    return (uint64_t)slot_head_of(slot)->generation << 32 | slot_index(slots, slot);
}

void *slots_find(const struct slots *slots, uint64_t handle) {
    uint32_t index = (uint32_t)handle;
    if (index >= slots->touched)
        return NULL;
    struct slot_head *head = slot_at(slots, index);
    return head->generation == (uint32_t)(handle >> 32) && (head->generation & 1) ? head + 1 : NULL;
}

void *slots_next(const struct slots *slots, const void *previous) {
    uint32_t index = previous ? slot_index(slots, previous) + 1 : 0;
    for (; index < slots->touched; index++) {
        struct slot_head *head = slot_at(slots, index);
        if (head->generation & 1)
            return head + 1;
    }
    return NULL;
}
