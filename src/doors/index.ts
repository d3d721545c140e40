export { type SubmitAnswer, submitAnswer, type TaskAnswer, taskAnswer } from './answers.ts';
export { type Problem, problem, problemOf } from './problem.ts';
