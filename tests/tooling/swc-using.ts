/** Teaches swc's tree visitor, by which dependency-cruiser reads TypeScript, the `using` declaration that it does not know. */
import { Visitor } from '@swc/core/Visitor.js'
import type { Statement, VariableDeclarator } from '@swc/types'

interface UsingDeclaration {
  readonly type: 'UsingDeclaration'
  readonly decls: VariableDeclarator[]
}

const visitKnownStatement = Visitor.prototype.visitStatement

Visitor.prototype.visitStatement = function (statement: Statement | UsingDeclaration) {
  if (statement.type !== 'UsingDeclaration') return visitKnownStatement.call(this, statement)
  // An `import()` may stand in what is declared.
  this.visitVariableDeclarators(statement.decls)
  return statement as unknown as Statement
}
