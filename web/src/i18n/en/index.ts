// English; must have the keys of Chinese (the type and a test see to it).
import type { Messages } from '../index'
import academy from './academy'
import account from './account'
import buying from './buying'
import cart from './cart'
import clips from './clips'
import common from './common'
import cutting from './cutting'
import draws from './draws'
import errors from './errors'
import halls from './halls'
import home from './home'
import learn from './learn'
import moderation from './moderation'
import offline from './offline'
import operators from './operators'
import orders from './orders'
import own from './own'
import products from './products'
import room from './room'
import studio from './studio'
import talk from './talk'

const en: Messages = { common, errors, draws, home, learn, academy, clips, cutting, halls, account, buying, cart, moderation, offline, operators, orders, own, products, room, studio, talk }

export default en
