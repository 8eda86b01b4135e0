// Chinese that every page and the room need, in the order in which a newcomer meets them; ./more has the rest.
import buying from './buying'
import cart from './cart'
import clips from './clips'
import common from './common'
import errors from './errors'
import room from './room'
import talk from './talk'

export default { common, errors, buying, cart, clips, room, talk }
