/* To be preloaded before CUDA's runtime: a driver that comes up, but can't prove that it is NVIDIA's (error 103), is
   taken for one that can, and its devices are counted. Every other answer is the runtime's own. */
#define _GNU_SOURCE
#include <dlfcn.h>

int cudaGetDeviceCount(int *count) {
  int (*own)(int *) = (int (*)(int *))dlsym(RTLD_NEXT, "cudaGetDeviceCount");
  int error = own(count);
  if (error != 103) return error;
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  int (*counted)(int *) = (int (*)(int *))dlsym(driver, "cuDeviceGetCount");
  return counted(count);
}
