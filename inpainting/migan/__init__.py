"""MI-GAN, a small trained network that fills 512 x 512 pixels, from the file that its authors published."""
