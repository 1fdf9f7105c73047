/* A libnvidia-ml.so.1 without a driver: STANDIN_DRIVER=535.183.01, STANDIN_DEVICES=2. */
#include <stdio.h>
#include <stdlib.h>

static int count(void) { const char *text = getenv("STANDIN_DEVICES"); return text ? atoi(text) : 1; }

int nvmlInit(void) { return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *found) { *found = count(); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned at, void **handle) { *handle = (void *)(size_t)(at + 1); return 0; }

int nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
  snprintf(text, length, "GPU-0000000%zu-0000-0000-0000-000000000000", (size_t)handle - 1);
  return 0;
}

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  const char *version = getenv("STANDIN_DRIVER");
  snprintf(text, length, "%s", version ? version : "580.95.05");
  return 0;
}
