pragma user_version = 1;
insert into sessions values (1, 'k7m2p9xq', 'A chest film', 'nano', 'phantoms', 1764000000000, 1764000060000, 2);
insert into turns values (1, 1, 1, null, 1764000000000, 1764000030000, 'answered', null, 'Is there a pneumothorax?', 'no',
  'Both lungs reach the wall.', null, '',
  '{"settings":{"shots":4},"images":[],"answer":{"answer":"","rationale":null,"stop_reason":"end-of-chunk","notices":[],"provenance":{"seed":0},"timings":{},"prompt_tokens":9,"generated_tokens":1,"log_probabilities":[-0.5]},"shots":[]}');
insert into turns values (2, 1, 2, 1, 1764000050000, 1764000060000, 'asked', 'gone', 'How large is the heart?', 'The heart', null,
  null, '', '{"settings":{"shots":4},"images":[]}');
