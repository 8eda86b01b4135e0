export default {
  one: 'Product',
  shareText: 'From the lake: {name}',
  gone: 'This product is not here any more',
  goneHint: 'It may have been taken off the shelf. See what else there is in the halls',
  toHalls: 'To the halls',
  soldOutHint: 'Sold out. Ask in the room when there will be more',
  withdrawn: 'No longer sold',
  withdrawnHint: 'The seller does not sell this any more, or not now. See what else there is',
  more: 'More from this seller',
}
