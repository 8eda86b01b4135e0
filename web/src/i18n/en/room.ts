/** The words of the live room; filled by features/room. */
export default {}
