"""The HDF5 model files (`.h5`) of Keras 1 to 3."""
