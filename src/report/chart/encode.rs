//! RGB pixels to PNG bytes. No time stamp or other text is written, so that the same pixels are the same
//! bytes.

use super::ChartError;

/// Encodes `width` x `height` pixels of three bytes each, row by row from the top.
pub fn encode_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, ChartError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixels_come_back() {
        let rgb: Vec<u8> = (0..4 * 2 * 3).collect();
        let bytes = encode_rgb(4, 2, &rgb).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (4, 2));
        let mut back = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut back).unwrap();
        assert_eq!(back, rgb);
    }

    #[test]
    fn a_buffer_of_the_wrong_size_is_an_error() {
        assert!(encode_rgb(4, 2, &[0; 5]).is_err());
    }
}
