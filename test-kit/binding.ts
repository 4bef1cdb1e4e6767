/** The name under which the workers pool binds the Durable Object with the test ledgers. */

export const BINDING = "TEST_LEDGERS";
