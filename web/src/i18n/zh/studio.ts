/** The words of the studio; filled by features/studio. */
export default {}
