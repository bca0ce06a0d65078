use super::*;
use std::io::Write;

/// Compressible, but not so much that a cut or a flipped bit falls into nothing.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    let mut state = 12_345u32;
    while text.len() < 700_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writeln!(text, " L {:08x},{}", state >> 12, 1 + state % 8).unwrap();
    }
    text
}

fn pack(codec: &str, data: &[u8]) -> Vec<u8> {
    match codec {
        "gzip" => {
            let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            e.write_all(data).unwrap();
            e.finish().unwrap()
        }
        "zstd" => {
            let mut e = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            e.include_checksum(true).unwrap();
            e.write_all(data).unwrap();
            e.finish().unwrap()
        }
        "xz" => xz_stored(data),
        "lz4" => {
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max64KB)
                .content_checksum(true);
            let mut e = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            e.write_all(data).unwrap();
            e.finish().unwrap()
        }
        "bzip2" => {
            let mut e = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            e.write_all(data).unwrap();
            e.finish().unwrap()
        }
        "snappy" => {
            let mut e = snap::write::FrameEncoder::new(Vec::new());
            e.write_all(data).unwrap();
            e.into_inner().unwrap()
        }
        "zip" => zip::tests::archive(&[("trace", data, true, false)]),
        _ => data.to_vec(),
    }
}

/// An xz stream whose chunks are stored, since the crate is built without its encoder.
fn xz_stored(data: &[u8]) -> Vec<u8> {
    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    }
    fn varint(mut n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes
    }
    let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
    let flags = [0, 1];
    let mut out = [&b"\xfd7zXZ\0"[..], &flags, &crc(&flags)].concat();
    // Twelve bytes: the length, one filter, LZMA2 with a dictionary of 1 MiB, padding.
    let header = [2, 0, 0x21, 1, 16, 0, 0, 0];
    let mut block = [&header[..], &crc(&header)].concat();
    for (i, chunk) in data.chunks(1 << 16).enumerate() {
        block.push(1 + u8::from(i > 0));
        block.extend_from_slice(&(chunk.len() as u16).wrapping_sub(1).to_be_bytes());
        block.extend_from_slice(chunk);
    }
    block.push(0);
    let unpadded = block.len() + 4;
    pad(&mut block);
    out.extend_from_slice(&block);
    out.extend_from_slice(&crc(data));
    let mut index = [vec![0, 1], varint(unpadded), varint(data.len())].concat();
    pad(&mut index);
    let size = (index.len() as u32 / 4).to_le_bytes();
    let footer = [&size[..], &flags].concat();
    [
        &out[..],
        &index,
        &crc(&index),
        &crc(&footer),
        &footer,
        b"YZ",
    ]
    .concat()
}

/// What `xz -9` makes of the lines of [`xz_compressed_text`].
const XZ_COMPRESSED: &str = "\
fd377a585a000004e6d6b446020021011c00000010cf58cce0037f00705d0024882c60345a060e83\
611df35f45a744aa76f5b52f909815f7ee2b6500afb1cec9bbadd7b0bcb1e9bebdb70bd1d97734a2\
b797600537c450e619ca4f33addae58192815618870ba103594405e454e0a5e084f89c8e47651eb2\
7efd2fdd0480ba8de88e926003dbb0e3fbcb0c4839740000bb0d822d479709a600018c0180070000\
7089517fb1c467fb020000000004595a";

fn xz_compressed_text() -> Vec<u8> {
    let line = |i| format!("I  0401ab{i:02x},3\n").into_bytes();
    (0..64).flat_map(line).collect()
}

/// The bytes of hexadecimal text.
fn unhex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    text.as_bytes()
        .chunks(2)
        .map(|p| pair(p).unwrap())
        .collect()
}

#[test]
fn compressed_xz_is_read_and_cut_anywhere_is_cut() {
    let packed = unhex(XZ_COMPRESSED);
    let text = xz_compressed_text();
    let (name, got, result) = unpack(&packed);
    result.unwrap();
    assert_eq!(name, "xz");
    assert!(got == text);
    for cut in 6..packed.len() {
        let (_, got, result) = unpack(&packed[..cut]);
        let error = result.expect_err("cut");
        assert!(error.what.contains("cut short"), "{cut}: {error}");
        assert!(text.starts_with(&got));
    }
}

/// Opens and reads bytes as a file: the codec, what was read, and how it ended.
fn unpack(bytes: &[u8]) -> (&'static str, Vec<u8>, Result<(), TraceError>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut input = match open(file.path()) {
        Ok(input) => input,
        Err(e) => return ("", Vec::new(), Err(e)),
    };
    let known = (input.codec == "none").then_some(bytes.len() as u64);
    assert_eq!(input.file_bytes, known);
    let mut data = Vec::new();
    let result = input.reader.read_to_end(&mut data).map(|_| ());
    if result.is_err() {
        // A faulty stream stays faulty and says the same again.
        assert!(input.reader.read(&mut [0; 8]).is_err());
    }
    let result = result.map_err(|e| read_error(file.path(), e));
    (input.codec, data, result)
}

#[test]
fn every_codec_is_recognised_and_read() {
    let text = text();
    for codec in CODECS {
        for data in [&text[..], b"1\n"] {
            let (name, got, result) = unpack(&pack(codec.name, data));
            result.unwrap();
            assert_eq!(name, codec.name);
            assert!(got == data, "{name}");
        }
    }
    let (name, got, result) = unpack(b"");
    assert_eq!((name, got.len(), result.is_ok()), ("none", 0, true));
}

#[test]
fn concatenated_streams_are_read_to_the_end() {
    let text = text();
    for codec in CODECS {
        let mut packed = Vec::new();
        let mut expected = Vec::new();
        // Many sizes, so that the streams meet the ends of buffers in many ways.
        for n in (0..60)
            .map(|i| i * i * 37)
            .chain([text.len(), 1, 0, 300_000])
        {
            packed.extend(pack(codec.name, &text[..n]));
            expected.extend_from_slice(&text[..n]);
        }
        let (_, got, result) = unpack(&packed);
        result.unwrap_or_else(|e| panic!("{e}"));
        assert!(got == expected, "{}", codec.name);
    }
}

#[test]
fn a_cut_stream_is_said_to_be_cut() {
    let text = text();
    for codec in &CODECS[..CODECS.len() - 1] {
        let packed = pack(codec.name, &text);
        let n = packed.len();
        for cut in [
            6,
            7,
            11,
            13,
            n / 3,
            n / 2,
            n - 9,
            n - 8,
            n - 5,
            n - 4,
            n - 1,
        ] {
            let (name, got, result) = unpack(&packed[..cut]);
            let error = result.expect_err(&format!("{name} cut at {cut} of {n}"));
            assert_eq!(name, codec.name);
            let what = format!(
                "{name} stream is cut short after {} decompressed",
                got.len()
            );
            assert!(error.what.contains(&what), "{cut} of {n}: {error}");
            assert!(!error.is_io() && text.starts_with(&got));
        }
    }
}

/// The lz4 decoder takes an end between two blocks for the end of the frame.
#[test]
fn an_lz4_frame_cut_between_blocks_is_cut() {
    let text = text();
    let packed = pack("lz4", &text);
    // Magic, flags, block size, header checksum; then blocks with their length before them.
    let mut at = 7;
    let mut cuts = 0;
    loop {
        let length = u32::from_le_bytes(packed[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        for cut in [at, at + 2] {
            let (_, _, result) = unpack(&packed[..cut]);
            assert!(result.expect_err("cut").what.contains("cut short"));
        }
        cuts += 1;
        if length == 0 {
            break;
        }
        at += 4 + length as usize;
    }
    assert!(cuts > 2);
}

#[test]
fn skippable_frames_are_skipped() {
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for codec in ["zstd", "lz4"] {
        let packed = pack(codec, b"1\n");
        let all = [&packed[..], &skippable, &packed, &skippable].concat();
        let (name, got, result) = unpack(&all);
        result.unwrap();
        assert_eq!((name, &got[..]), (codec, &b"1\n1\n"[..]));
        let (_, _, result) = unpack(&all[..all.len() - 1]);
        assert!(result.unwrap_err().what.contains("cut short"));
    }
    let all = [&skippable[..], &pack("zstd", b"1\n")].concat();
    assert_eq!(unpack(&all).1, b"1\n");
}

#[test]
fn a_corrupt_stream_is_a_bad_trace() {
    let text = text();
    for codec in &CODECS[..CODECS.len() - 1] {
        let packed = pack(codec.name, &text);
        for place in [packed.len() / 2, packed.len() - 30] {
            let mut bad = packed.clone();
            for byte in &mut bad[place..place + 8] {
                *byte ^= 0x5a;
            }
            let (name, _, result) = unpack(&bad);
            let error = result.expect_err(name);
            assert!(error.what.contains(codec.name), "{error}");
            assert!(!error.is_io() && !error.help.is_empty(), "{error}");
        }
        let behind = [&packed[..], b"and something else"].concat();
        let (_, got, result) = unpack(&behind);
        assert!(result.is_err() && got.len() <= text.len(), "{}", codec.name);
    }
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let text = &text()[..20_000];
    let mut random = 88_172_645_463_325_252u64;
    let mut next = move |n: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % n as u64) as usize
    };
    for codec in &CODECS[..CODECS.len() - 1] {
        let packed = pack(codec.name, text).repeat(2);
        for _ in 0..150 {
            let mut bad = packed.clone();
            for _ in 0..1 + next(3) {
                // Half of the changes in the header.
                let range = if next(2) == 0 { 32 } else { bad.len() };
                let at = next(range.min(bad.len()));
                bad[at] = next(256) as u8;
            }
            bad.truncate(bad.len() - next(2) * next(bad.len()));
            let _ = unpack(&bad);
        }
    }
}

#[test]
fn what_cannot_be_opened_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(
        error.is_io() && error.to_string().contains("directory"),
        "{error}"
    );
    let error = open(&folder.path().join("absent")).err().unwrap();
    assert!(
        error.is_io() && error.what.starts_with("cannot open"),
        "{error}"
    );
}
