/* A libcuda.so.1 without a driver. Its version, its count of devices and the error of cuInit are the environment's:
   STANDIN_CUDA=12020, STANDIN_DEVICES=2, STANDIN_ERROR=803.

   CUDA's runtime asks it for functions by name and for tables of functions by UUID. What decides about a driver is
   answered here; all else says that it succeeded and does nothing. The last thing that the runtime does before it
   counts devices is to have the driver prove that it is NVIDIA's. This one can't, so in place of a count there is
   error 103: all that was asked before, version and devices, was right. */
#include <stdlib.h>
#include <string.h>

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text ? atoi(text) : otherwise;
}

int cuDriverGetVersion(int *version) { *version = number("STANDIN_CUDA", 13000); return 0; }
int cuDeviceGetCount(int *count) { *count = number("STANDIN_DEVICES", 1); return 0; }
static int device(int *found, int ordinal) { *found = ordinal; return 0; }
static int nothing(void) { return 0; }

int cuInit(unsigned flags) {
  int error = number("STANDIN_ERROR", 0);
  (void)flags;
  return error ? error : number("STANDIN_DEVICES", 1) ? 0 : 100;
}

static int attribute(int *value, int which, int ordinal) {
  (void)ordinal;
  *value = which == 75 ? 9 : which == 76 ? 0 : 1; /* compute capability 9.0 */
  return 0;
}

/* Room for what profilers want to know, which the runtime takes from the driver. */
static int room(void **place, size_t *size) {
  static void *found[8192];
  *place = found;
  *size = sizeof found / sizeof *found;
  return 0;
}

int cuGetExportTable(const void **found, const unsigned char *uuid) {
  static void *plain[256], *hooks[8] = {(void *)sizeof hooks, 0, room, 0, 0, 0, room, 0};
  plain[0] = (void *)sizeof plain;
  for (int at = 1; at < 256; at++) plain[at] = nothing;
  *found = memcmp(uuid, "\xa0\x94\x79\x8c", 4) ? plain : hooks;
  return 0;
}

int cuGetProcAddress(const char *name, void **found, int version, unsigned long flags);

int cuGetProcAddress_v2(const char *name, void **found, int version, unsigned long flags, int *status) {
  static const struct { const char *name; void *function; } known[] = {
    {"cuInit", cuInit}, {"cuDriverGetVersion", cuDriverGetVersion}, {"cuDeviceGetCount", cuDeviceGetCount},
    {"cuDeviceGet", device}, {"cuDeviceGetAttribute", attribute}, {"cuGetExportTable", cuGetExportTable},
  };
  (void)flags;
  *found = nothing;
  if (!strcmp(name, "cuGetProcAddress")) *found = version < 12000 ? (void *)cuGetProcAddress : cuGetProcAddress_v2;
  for (size_t at = 0; at < sizeof known / sizeof *known; at++)
    if (!strcmp(known[at].name, name)) *found = known[at].function;
  if (status) *status = 0;
  return 0;
}

int cuGetProcAddress(const char *name, void **found, int version, unsigned long flags) {
  return cuGetProcAddress_v2(name, found, version, flags, NULL);
}
