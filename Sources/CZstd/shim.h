#pragma once
#if __has_include(<zstd.h>)
#include <zstd.h>
#else
#error "Siltstone needs the headers of zstd: run 'apt-get install libzstd-dev' (or 'make deps') and build again"
#endif
