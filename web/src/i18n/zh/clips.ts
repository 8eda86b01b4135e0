export default {
  one: '现场讲解',
  ofLesson: '现场片段',
  ofProduct: '看看现场讲解',
  more: '同一场的片段',
  whole: '看整节课',
  play: '播放“{title}”',
  share: '分享',
  shareOf: '分享片段“{title}”',
  shareText: '洞庭现场：{title}',
  copied: '链接复制好了，发给朋友吧',
  notCopied: '复制不了，请长按地址栏里的网址',
}
