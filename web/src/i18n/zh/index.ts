// Chinese, in the order in which a newcomer meets the pages.
import academy from './academy'
import account from './account'
import buying from './buying'
import cart from './cart'
import clips from './clips'
import common from './common'
import errors from './errors'
import halls from './halls'
import home from './home'
import learn from './learn'
import offline from './offline'
import operators from './operators'
import orders from './orders'
import room from './room'
import studio from './studio'
import talk from './talk'

export default { common, errors, home, learn, academy, clips, halls, account, buying, cart, offline, operators, orders, room, studio, talk }
