export default {
  one: 'Clip',
  ofLesson: 'Clips',
  ofProduct: 'Seen in broadcasts',
  more: 'More of this broadcast',
  whole: 'Watch the whole lesson',
  play: 'Play “{title}”',
  share: 'Share',
  shareOf: 'Share the clip “{title}”',
  shareText: 'Live at Dongting: {title}',
  copied: 'Link copied, send it to a friend',
  notCopied: 'Could not copy; please use the address in your browser',
}
