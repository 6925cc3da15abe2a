namespace Matrix.Rules
