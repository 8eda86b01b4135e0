export default {
  title: 'Check a draw',
  notYet: 'Not drawn yet. Afterwards this page computes who must win.',
  winners: 'Winners',
  how: 'Why it is fair',
  rule: 'The fingerprint of the seed is shown before anybody takes part, so nobody can change the seed. A ticket follows from the draw and the account, so nobody can choose it. After the draw the seed is shown, and who wins follows from the seed and all tickets. This phone has just computed it again.',
  commitment: 'Fingerprint of the seed (shown at the beginning)',
  seed: 'Seed (shown after the draw)',
  tickets: 'All {count} tickets',
  yes: { promised: 'The seed is the promised one', complete: 'Not a ticket more, not one less', right: 'Who won is who must win' },
  no: { promised: 'The seed is not the promised one', complete: 'The tickets are not those of the draw', right: 'The winners are not those who must win' },
}
