"""patient links and bounces

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-23 00:54:21.884721

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('bounce',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('reminder_id', sa.Integer(), nullable=False),
    sa.Column('report_id', sa.String(length=255), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('permanent', sa.Boolean(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_by', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_bounce_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['reminder_id'], ['reminder.id'], name=op.f('fk_bounce_reminder_id_reminder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bounce')),
    sa.UniqueConstraint('report_id', name=op.f('uq_bounce_report_id'))
    )
    with op.batch_alter_table('bounce', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bounce_clinic_id'), ['clinic_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_bounce_reminder_id'), ['reminder_id'], unique=False)

    op.create_table('patient_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('reminder_id', sa.Integer(), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failed_tries', sa.Integer(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_patient_link_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_patient_link_patient_id_patient')),
    sa.ForeignKeyConstraint(['reminder_id'], ['reminder.id'], name=op.f('fk_patient_link_reminder_id_reminder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_patient_link')),
    sa.UniqueConstraint('digest', name=op.f('uq_patient_link_digest'))
    )
    with op.batch_alter_table('patient_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_patient_link_clinic_id'), ['clinic_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_patient_link_patient_id'), ['patient_id'], unique=False)

    op.create_table('patient_statement',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('public_id', sa.String(length=32), nullable=False),
    sa.Column('clinic_id', sa.Integer(), nullable=False),
    sa.Column('patient_id', sa.Integer(), nullable=False),
    sa.Column('link_id', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('document_id', sa.Integer(), nullable=True),
    sa.Column('evidence_id', sa.Integer(), nullable=True),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handled_by', sa.String(length=200), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['clinic_id'], ['clinic.id'], name=op.f('fk_patient_statement_clinic_id_clinic')),
    sa.ForeignKeyConstraint(['document_id'], ['document.id'], name=op.f('fk_patient_statement_document_id_document')),
    sa.ForeignKeyConstraint(['evidence_id'], ['evidence.id'], name=op.f('fk_patient_statement_evidence_id_evidence')),
    sa.ForeignKeyConstraint(['link_id'], ['patient_link.id'], name=op.f('fk_patient_statement_link_id_patient_link')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_patient_statement_patient_id_patient')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_patient_statement')),
    sa.UniqueConstraint('public_id', name=op.f('uq_patient_statement_public_id'))
    )
    with op.batch_alter_table('patient_statement', schema=None) as batch_op:
        batch_op.create_index('ix_patient_statement_clinic_id_handled_at', ['clinic_id', 'handled_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_patient_statement_patient_id'), ['patient_id'], unique=False)



def downgrade():
    with op.batch_alter_table('patient_statement', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_patient_statement_patient_id'))
        batch_op.drop_index('ix_patient_statement_clinic_id_handled_at')

    op.drop_table('patient_statement')
    with op.batch_alter_table('patient_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_patient_link_patient_id'))
        batch_op.drop_index(batch_op.f('ix_patient_link_clinic_id'))

    op.drop_table('patient_link')
    with op.batch_alter_table('bounce', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_bounce_reminder_id'))
        batch_op.drop_index(batch_op.f('ix_bounce_clinic_id'))

    op.drop_table('bounce')
