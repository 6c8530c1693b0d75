/*
 * A PCI Express endpoint with the capabilities that QEMU's own devices lack: PASID, ATS and PRI. It is served
 * over vfio-user, so that QEMU's vfio-user-pci puts it into the test machine; there the kernel finds a device
 * that PASIDs can be attached to. It has one BAR of memory that does nothing, and does no DMA.
 *
 * usage: pasid-device SOCKET
 *
 * Serves one client and ends when that one has gone.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Messages: the protocol's numbers and layouts, all little endian ---- */

enum command {
	USER_VERSION = 1,
	USER_DMA_MAP = 2,
	USER_DMA_UNMAP = 3,
	USER_GET_INFO = 4,
	USER_GET_REGION_INFO = 5,
	USER_GET_IRQ_INFO = 7,
	USER_SET_IRQS = 8,
	USER_REGION_READ = 9,
	USER_REGION_WRITE = 10,
	USER_RESET = 14,
};

#define FLAG_REPLY UINT32_C(1)
#define FLAG_NO_REPLY UINT32_C(0x10)
#define FLAG_ERROR UINT32_C(0x20)

struct header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* with the header */
	uint32_t flags;
	uint32_t error;
};

struct device_info {
	uint32_t argsz, flags, regions, irqs;
};

struct region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

struct irq_info {
	uint32_t argsz, flags, index, count;
};

struct region_access {
	uint64_t offset;
	uint32_t region, count;
};

#define MESSAGE_MAX 65536u
#define TRANSFER_MAX 4096u
#define DEVICE_PCI UINT32_C(2)
#define DEVICE_RESETS UINT32_C(1)
#define REGION_ACCESS UINT32_C(3) /* read, write */
#define REGIONS 9u
#define IRQS 5u
#define BAR0 0u
#define CONFIG 7u

/* ---- The device ---- */

enum { CONFIG_SIZE = 4096, BAR_SIZE = 4096 };
enum { AT_EXPRESS = 0x40, AT_PASID = 0x100, AT_ATS = 0x120, AT_PRI = 0x140 };

struct device {
	uint8_t config[CONFIG_SIZE], writable[CONFIG_SIZE];
	uint8_t bar[BAR_SIZE];
};

static void set16(uint8_t *bytes, unsigned int at, uint16_t value)
{
	bytes[at] = (uint8_t)value;
	bytes[at + 1] = (uint8_t)(value >> 8);
}

static void set32(uint8_t *bytes, unsigned int at, uint32_t value)
{
	set16(bytes, at, (uint16_t)value);
	set16(bytes, at + 2, (uint16_t)(value >> 16));
}

/* An extended capability: id, version 1, where the next one is. */
static void extended(struct device *d, unsigned int at, uint16_t id, unsigned int next)
{
	set32(d->config, at, id | UINT32_C(1) << 16 | (uint32_t)next << 20);
}

static void device_init(struct device *d)
{
	uint8_t *c = d->config, *w = d->writable;

	memset(d, 0, sizeof(*d));
	set16(c, 0x00, 0x1234); /* the vendor that QEMU's test devices use */
	set16(c, 0x02, 0x10a5);
	set16(c, 0x06, 0x0010); /* there are capabilities */
	set32(c, 0x08, 0xff000000);
	set16(w, 0x04, 0x0406); /* memory, bus master, no INTx */
	set32(w, 0x10, ~(uint32_t)(BAR_SIZE - 1));
	set32(c, 0x2c, 0x10a51234);
	c[0x34] = AT_EXPRESS;
	w[0x3c] = 0xff;

	set16(c, AT_EXPRESS, 0x0010);
	set16(c, AT_EXPRESS + 2, 0x0002);       /* version 2, endpoint */
	set32(c, AT_EXPRESS + 4, 0x10008000);   /* resets by function, role-based errors */
	set16(w, AT_EXPRESS + 8, 0x7fff);       /* device control */
	set32(c, AT_EXPRESS + 0x0c, 0x00000011); /* link: one lane of the first generation */
	set16(c, AT_EXPRESS + 0x12, 0x0011);
	set32(c, AT_EXPRESS + 0x24, 0x00200000); /* end-to-end prefixes, which carry a PASID; as many as there are */

	extended(d, AT_PASID, 0x1b, AT_ATS);
	set16(c, AT_PASID + 4, 20 << 8 | 0x6); /* 20 bits; execute and privileged can be asked for */
	set16(w, AT_PASID + 6, 0x7);
	extended(d, AT_ATS, 0x0f, AT_PRI);
	set16(c, AT_ATS + 4, 0x20);            /* page aligned; 32 invalidations in its queue */
	set16(w, AT_ATS + 6, 0x801f);
	extended(d, AT_PRI, 0x13, 0);
	set16(w, AT_PRI + 4, 0x1);
	set16(c, AT_PRI + 6, 0x8100);          /* stopped; answers carry a PASID */
	set32(c, AT_PRI + 8, 32);              /* page requests at a time */
	set32(w, AT_PRI + 12, 0xffffffff);
}

static uint8_t *region_of(struct device *d, uint32_t region, uint64_t offset, uint32_t count)
{
	uint64_t size = region == BAR0 ? BAR_SIZE : region == CONFIG ? CONFIG_SIZE : 0;

	if (count > TRANSFER_MAX || offset > size || count > size - offset)
		return NULL;
	return (region == BAR0 ? d->bar : d->config) + offset;
}

static void region_write(struct device *d, uint32_t region, uint64_t offset, const uint8_t *data, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t mask = region == CONFIG ? d->writable[offset + i] : 0xff;
		uint8_t *byte = (region == CONFIG ? d->config : d->bar) + offset + i;

		*byte = (uint8_t)((*byte & ~mask) | (data[i] & mask));
	}
}

/* ---- The server ---- */

struct message {
	struct header header;
	uint8_t data[MESSAGE_MAX];
};

/* Receives exactly @size bytes; descriptors that come with them, of guest memory, are closed. False: the
 * client has gone. */
static bool receive(int fd, void *buffer, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control;
	uint8_t *at = buffer;

	while (size != 0) {
		struct iovec vector = { at, size };
		struct msghdr message = {
			.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
			int passed[16];
			size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			memcpy(passed, CMSG_DATA(c), count * sizeof(int));
			for (size_t i = 0; i < count; i++)
				close(passed[i]);
		}
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool reply(int fd, struct message *m, uint32_t error, size_t size)
{
	const uint8_t *at = (const uint8_t *)m;
	size_t left = sizeof(m->header) + size;

	if (m->header.flags & FLAG_NO_REPLY)
		return true;
	m->header.flags = FLAG_REPLY | (error != 0 ? FLAG_ERROR : 0);
	m->header.error = error;
	m->header.size = (uint32_t)left;
	while (left != 0) {
		ssize_t n = send(fd, at, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		left -= (size_t)n;
	}
	return true;
}

static size_t say_version(uint8_t *data)
{
	static const char offer[] = "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":4096}}";

	/* The major and minor number that the client has proposed are taken. */
	memcpy(data + 4, offer, sizeof(offer));
	return 4 + sizeof(offer);
}

static size_t say_region(uint8_t *data, uint32_t index)
{
	struct region_info info = { .argsz = sizeof(info), .index = index };

	if (index == BAR0 || index == CONFIG) {
		info.flags = REGION_ACCESS;
		info.size = index == BAR0 ? BAR_SIZE : CONFIG_SIZE;
	}
	memcpy(data, &info, sizeof(info));
	return sizeof(info);
}

static bool access_region(int fd, struct device *d, struct message *m, size_t size)
{
	struct region_access access;
	uint8_t *at;

	if (size < sizeof(access))
		return reply(fd, m, EINVAL, 0);
	memcpy(&access, m->data, sizeof(access));
	at = region_of(d, access.region, access.offset, access.count);
	if (at == NULL)
		return reply(fd, m, EINVAL, 0);
	if (m->header.command == USER_REGION_READ) {
		memcpy(m->data + sizeof(access), at, access.count);
		return reply(fd, m, 0, sizeof(access) + access.count);
	}
	if (size - sizeof(access) < access.count)
		return reply(fd, m, EINVAL, 0);
	region_write(d, access.region, access.offset, m->data + sizeof(access), access.count);
	return reply(fd, m, 0, sizeof(access));
}

static bool serve(int fd, struct device *d, struct message *m, size_t size)
{
	struct device_info device = { sizeof(device), DEVICE_PCI | DEVICE_RESETS, REGIONS, IRQS };
	struct irq_info irq = { sizeof(irq), 0, 0, 0 };

	switch (m->header.command) {
	case USER_VERSION:
		return reply(fd, m, size < 4 ? EINVAL : 0, size < 4 ? 0 : say_version(m->data));
	case USER_GET_INFO:
		memcpy(m->data, &device, sizeof(device));
		return reply(fd, m, 0, sizeof(device));
	case USER_GET_REGION_INFO:
		if (size < sizeof(struct region_info))
			return reply(fd, m, EINVAL, 0);
		return reply(fd, m, 0, say_region(m->data, ((uint32_t *)(void *)m->data)[2]));
	case USER_GET_IRQ_INFO:
		if (size < sizeof(irq))
			return reply(fd, m, EINVAL, 0);
		memcpy(&irq.index, m->data + 8, sizeof(irq.index));
		memcpy(m->data, &irq, sizeof(irq));
		return reply(fd, m, 0, sizeof(irq));
	case USER_REGION_READ:
	case USER_REGION_WRITE:
		return access_region(fd, d, m, size);
	case USER_RESET:
		device_init(d);
		return reply(fd, m, 0, 0);
	case USER_DMA_MAP:
	case USER_DMA_UNMAP:
	case USER_SET_IRQS:
		/* It does no DMA and sends no interrupts. */
		return reply(fd, m, 0, 0);
	default:
		return reply(fd, m, ENOSYS, 0);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	static struct message message;
	static struct device device;
	int listener, fd;

	_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "messages are written as they are in memory");
	if (argc != 2) {
		fprintf(stderr, "usage: pasid-device SOCKET\n");
		return 2;
	}
	listener = listen_at(argv[1]);
	fd = listener < 0 ? -1 : accept(listener, NULL, NULL);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	device_init(&device);
	while (receive(fd, &message.header, sizeof(message.header))) {
		size_t size = message.header.size - sizeof(message.header);

		if (message.header.size < sizeof(message.header) || size > sizeof(message.data) - TRANSFER_MAX) {
			fprintf(stderr, "pasid-device: a message of %u bytes\n", message.header.size);
			return 1;
		}
		if (!receive(fd, message.data, size) || !serve(fd, &device, &message, size))
			break;
	}
	return 0;
}
