"""The segmentation engine `unet`: the bundled network, or one of your own."""
