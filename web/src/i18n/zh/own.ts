/** The words of what a buyer has: addresses, coupons. */
export default {
  addresses: {
    title: '收货地址',
    empty: '还没有收货地址',
    emptyHint: '存一个，下单时就不用再填了',
    remove: '删除',
    removeTitle: '删除这个地址吗？',
    removeHint: '已经下的订单不受影响',
    keep: '留着',
    removed: '已删除',
    saved: '已保存',
  },
  coupons: {
    title: '我的优惠券',
    from: '{host} 的直播间',
    until: '{day} 前可用',
    usedFor: '已用在订单里',
    over: '已过期',
    go: '去用',
    order: '看订单',
    empty: '还没有优惠券',
    emptyHint: '主播在直播间发券时，点“领取”就有',
    rule: '下单时，满额的券会自动减，每单用一张',
  },
}
