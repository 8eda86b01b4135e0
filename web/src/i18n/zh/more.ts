// Chinese of all pages but the room, which must open quickly on a weak line.
import academy from './academy'
import account from './account'
import cutting from './cutting'
import draws from './draws'
import halls from './halls'
import home from './home'
import learn from './learn'
import errors from './more-errors'
import moderation from './moderation'
import offline from './offline'
import operators from './operators'
import orders from './orders'
import own from './own'
import products from './products'
import studio from './studio'

export default { errors, home, learn, academy, account, cutting, draws, halls, moderation, offline, operators, orders, own, products, studio }
