#pragma once
#if __has_include(<zlib.h>)
#include <zlib.h>
#else
#error "Siltstone needs the headers of zlib: run 'apt-get install zlib1g-dev' (or 'make deps') and build again"
#endif
