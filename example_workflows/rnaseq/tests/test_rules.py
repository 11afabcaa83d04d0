"""Single rules, each with small inputs of its own: `pytest tests`."""

import gzip

INDEX = "AAAAA\tgeneA\nCCCCC\tgeneC\n"


def fastq(*reads):
    return gzip.compress("".join(f"@r\n{read}\n+\n{'I' * len(read)}\n" for read in reads).encode())


def test_reads_are_counted_by_the_words_of_their_gene(rulekit_workflow):
    run = rulekit_workflow().rule(
        "count",
        wildcards={"sample": "c1"},
        inputs={"index": INDEX, "reads": fastq("AAAAAA", "CCCCC", "AAAAAG", "GGGGG")},
    )
    assert run.outputs[0].read_text() == "geneA\t2\ngeneC\t1\n"
    assert run.log == "3 reads of a gene, 1 of none\n"


def test_memory_grows_with_the_attempt(rulekit_workflow):
    job = rulekit_workflow().job("count", wildcards={"sample": "t2"})
    assert job.resources.mem_mb == 100
    assert job.inputs.paths == ["results/index.tsv", "data/t2.fastq.gz"]


def test_genes_answer_up_and_down(rulekit_workflow, tmp_path):
    sheet = tmp_path / "samples.csv"
    sheet.write_text(
        "sample,condition,reads\nc1,control,c1.fastq.gz\nt1,treated,t1.fastq.gz\n"
    )
    workflow = rulekit_workflow(config={"samples": str(sheet)})
    counts = "gene\tc1\tt1\nup\t10\t80\nsame\t50\t50\ndown\t80\t10\n"
    run = workflow.rule("compare", inputs={"results/counts.tsv": counts})
    answers = [line.split("\t")[-1] for line in run.outputs[0].read_text().splitlines()[1:]]
    assert answers == ["up", "none", "down"]
