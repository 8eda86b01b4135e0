/** The words of a product's own page. */
export default {
  one: '好货',
  shareText: '洞庭好货：{name}',
  gone: '这件商品找不到了',
  goneHint: '可能下架了，去展厅看看别的好货',
  toHalls: '去逛展厅',
  soldOutHint: '卖完了。去直播间问问什么时候再有',
  withdrawn: '不卖了',
  withdrawnHint: '商家现在不卖这件了。看看他家的其他好货',
  more: '这家的其他好货',
}
