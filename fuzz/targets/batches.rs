//! A batch in any chunks, and the answers to one. The first byte chooses, the second the size of the chunks.
//!
//! Laws: how a body is cut into chunks changes nothing of what is read; what is read is written again as the same bytes; what is
//! read of a cut answer is the beginning of what is read of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wayhex_protocol::batch::{Answer, BatchFault, BatchReader, RawItem, item_size};
use wayhex_protocol::limits::{BATCH_ITEMS_MAX, ENVELOPE_BYTES_MAX, PICTURE_BYTES_MAX};

fuzz_target!(|input: &[u8]| {
    if let [reader, size, body @ ..] = input {
        if reader % 2 == 0 {
            batch(body, usize::from(*size) + 1);
        } else {
            answers(body, usize::from(*size));
        }
    }
});

type Read = (Vec<RawItem>, Result<(), BatchFault>);

fn read<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut reader, mut items) = (BatchReader::default(), Vec::new());
    for chunk in chunks {
        if let Err(fault) = reader.push(chunk) {
            return (items, Err(fault));
        }
        loop {
            match reader.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(fault) => return (items, Err(fault)),
            }
        }
    }
    (items, reader.finish())
}

fn batch(body: &[u8], chunk: usize) {
    let whole = read([body].into_iter());
    assert_eq!(read(body.chunks(chunk)), whole, "chunks of {chunk} bytes");
    assert_eq!(read(body.chunks(1)), whole, "byte by byte");
    let (items, _) = whole;
    let written: Vec<u8> = items.iter().flat_map(RawItem::to_bytes).collect();
    assert!(body.starts_with(&written), "an item has two encodings");
    assert!(items.len() <= BATCH_ITEMS_MAX);
    for item in &items {
        let bytes = item.to_bytes();
        let picture_bytes = item.picture.as_ref().map(Vec::len);
        assert!(item.envelope.len() <= ENVELOPE_BYTES_MAX);
        assert!(picture_bytes.is_none_or(|size| size <= PICTURE_BYTES_MAX));
        assert_eq!(bytes.len(), item_size(item.envelope.len(), picture_bytes));
        assert_eq!(
            read([bytes.as_slice()].into_iter()),
            (vec![item.clone()], Ok(()))
        );
    }
}

fn answers(body: &[u8], cut: usize) {
    let whole = Answer::read_all(body);
    assert!(whole.len() <= BATCH_ITEMS_MAX);
    let part = Answer::read_all(&body[..body.len().saturating_sub(cut)]);
    assert_eq!(part, whole[..part.len()]);
    let written: Vec<u8> = whole.iter().flat_map(Answer::to_bytes).collect();
    assert!(body.starts_with(&written), "an answer has two encodings");
}
