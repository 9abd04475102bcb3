#pragma once
#if __has_include(<lz4.h>)
#include <lz4.h>
#else
#error "Siltstone needs the headers of lz4: run 'apt-get install liblz4-dev' (or 'make deps') and build again"
#endif
