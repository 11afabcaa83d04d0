if X:
    rule a:
        output: "a"
elif Y:
    include: "b"
else:
  for i in range(3):
      rule:
          name: f"r{i}"
          input: *LIST, **dict(a=2)
          output:
            "x",
 # odd comment
            b=temp("x"),
          shell: "y"
  else:
      localrules: a
try:
    with open("x") as f: pass
    while True:
        checkpoint c:
            run: x
except Exception:
    configfile: "x"
finally:
    workdir: "y"
def make(name):
    rule:
        output: name
    return 1
async def g():
    include: "x"
class A:
    report: str
    container: str = "x"
    rule h:
        output: "h"
    def m(self):
        include: self.x
match X:
    case 1:
        rule i:
            output: "i"
