"""HDF5 files of unknown origin, read in Python: no byte of them reaches the HDF5 library.

The library is C code made for files that it wrote itself. A damaged or hostile file can make it run for ever, allocate
without bounds or crash the interpreter, and can point it to other files. What Keras files need of the format is small,
so it is read here: every address and size is checked against the file, every chain of pieces is followed once, and the
number of pieces that a file may make us look at is limited.
"""

from kerasish.saving.hdf5.reader import Dataset, Group, H5Reader, open_h5

__all__ = ["Dataset", "Group", "H5Reader", "open_h5"]
