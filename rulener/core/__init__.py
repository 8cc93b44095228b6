"""The compiled core: .pxd = data shape, .pyx = loop, .pyi = promise. It sees integers, never rule objects."""
